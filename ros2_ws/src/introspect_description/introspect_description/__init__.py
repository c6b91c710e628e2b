"""The arm as data: URDF, limits, home pose and driver topics."""
