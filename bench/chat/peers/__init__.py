"""Chat beside its peers: the servers that people write with Node, and a crowd for all of them."""
