"""What the local GitHub stores: users, Apps, repositories, issues, and the operations that change them."""
