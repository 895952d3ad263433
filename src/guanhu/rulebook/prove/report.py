"""A proof as text for people, or as JSON for programs."""

from __future__ import annotations

import json

from guanhu.rulebook.prove.finding import ACCEPTED, DEFECT, FACT, FAULT, NOTICE, OPEN
from guanhu.rulebook.prove.proof import Proof, summary

_ORDER = (FAULT, DEFECT, NOTICE, OPEN, ACCEPTED, FACT)


def report(proof: Proof, lang: str, folder: str, *, as_json: bool = False) -> str:
    """Return what a proof found: defects first, what is known and the bounds last, then the counts."""
    findings = sorted(proof.findings, key=lambda f: (_ORDER.index(f.severity), f.code))
    if as_json:
        record = {**summary(proof), "findings": [finding.record() for finding in findings]}
        return json.dumps(record, ensure_ascii=False, indent=1)
    found = summary(proof)
    counts = {severity: found["counts"].get(severity, 0) for severity in _ORDER}
    zh = (
        f"{proof.rulebook.title}: 问了 {proof.questions} 个问题, 未判定 {proof.undecided} 个, 用时 {found['seconds']} 秒; "
        f"缺陷 {counts[DEFECT] + counts[FAULT]} 个, 已知 {counts[ACCEPTED]} 个, 留意 {counts[NOTICE]} 个"
    )
    en = (
        f"{proof.rulebook.title}: {proof.questions} questions, {proof.undecided} undecided, {found['seconds']} seconds; "
        f"{counts[DEFECT] + counts[FAULT]} defects, {counts[ACCEPTED]} known, {counts[NOTICE]} worth a look"
    )
    return "\n".join([*(finding.text(lang, folder) for finding in findings), zh if lang == "zh" else en])
