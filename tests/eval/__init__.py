"""Measuring Evoke on texts it was not built from: `python -m tests.eval` rewrites docs/evaluation.md."""
