"""The paper's figures: what D does to W (Figure 6), and the course of training (Figure 5)."""
