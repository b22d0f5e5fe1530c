"""What others reach over HTTP: providers' webhooks, health and metrics, the lifecycle API; in `svahub[server]`."""
