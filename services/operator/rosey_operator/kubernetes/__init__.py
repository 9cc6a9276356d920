"""What is said to Kubernetes' API: single requests, and who of several operators leads. Watching is kopf's business."""
