"""Risk screening and the safety protocol: pure, and the same under Python 3.10 and 3.11."""
