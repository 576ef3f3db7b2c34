"""Learned dispatchers: networks, trainers, checkpoints, decoding."""
