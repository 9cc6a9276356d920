"""What tests of several parts share: real servers, started and ended by the test that uses them."""
