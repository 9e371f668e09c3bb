"""Where approved code runs: a sandbox in which only its slots exist, or the user's own Python process."""
