"""What becomes of what an ISP has sold, told once and held to on every runner: embedded and distributed."""
