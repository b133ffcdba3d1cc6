"""`floorwalker demo`: a simulated call centre, with everything that watches it, on this machine."""
