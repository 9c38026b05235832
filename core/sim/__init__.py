"""A venue in memory: accounts, books, matching and a market that moves. Pure and seeded; the server around it is core.runtime.sim_server."""
