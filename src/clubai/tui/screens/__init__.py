"""What is seen at a time: a view of the club, or one thing of it."""
