"""What each command does: parse, cross to a service, answer. Fan-out is never a handler's business."""
