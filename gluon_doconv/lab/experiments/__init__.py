"""The paper's protocol: the same training with and without DO-Conv, over seeds, into its tables and figures."""
