"""The patch over GluonCV: whatever it builds has DO-Conv."""
