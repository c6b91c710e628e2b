"""The choreographer: which behaviour to run, decided by an LSTM."""
