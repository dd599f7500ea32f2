"""Breaking each promise, mechanically, in a copy, to see which test notices."""
