"""What people see and steer, on its own port: the API, the pages, and who may look."""
