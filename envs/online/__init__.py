"""Online scheduling: one event simulator, and the policies and offline optima of three papers."""
