"""Service level objectives to recording and alerting rules, as code."""
