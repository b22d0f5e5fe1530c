"""Mail of the ISP to its customers and to itself: what it says, and how it is sent, as a task that is done once."""
