"""What the promises cost: each benchmark beside a floor in the same run, and beside a peer where one is installed."""
