"""Facts: what the bank supplies, checked, kept as immutable batches and read as of any moment.

    folder of files ──► reading ──► cells ──► checks ──► one batch (Parquet + manifest) ──► view
                        headings,   pattern    keys, references,   all or nothing           newest batch
                        encodings   and cast   coverage, shares                             per covered cell

A batch is the whole truth inside its coverage (kind × days × institutions) and says nothing outside.
"""
