"""Has a batch drifted, and is it worth retraining: tests, regimes, verdict, report."""
