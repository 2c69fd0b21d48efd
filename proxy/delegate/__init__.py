"""Delegated calls: an agent asks for reasoning without a key, and Exeat chooses who answers."""
