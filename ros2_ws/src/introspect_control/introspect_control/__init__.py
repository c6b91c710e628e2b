"""From policy actions to safe joint commands: kinematics, servo, command guard."""
