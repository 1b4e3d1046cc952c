"""The REST and GraphQL APIs, one module for each kind of resource."""
