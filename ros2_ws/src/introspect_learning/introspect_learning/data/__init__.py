"""What networks learn from: steps of many episodes, from worlds or from bags."""
