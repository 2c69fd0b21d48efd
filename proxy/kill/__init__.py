"""The kill switch: who may not go on, in every process at once."""
