"""Train on synthetic, test on real: what forests lose when synthetic rows stand in for real ones."""
