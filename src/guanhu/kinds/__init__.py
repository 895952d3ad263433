"""The declared kinds of fact: their columns, types, keys and grain. Data only.

The rulebook language takes its types from here and the facts layer its checks and storage; the
schemas are the product's public interface.
"""
