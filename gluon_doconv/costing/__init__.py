"""What networks cost: parameters, multiply-accumulates, memory."""
