"""What the machines of the workers have, and how busy they are."""
