"""What is to be done so that what is becomes what is wanted: functions that ask nobody and change nothing."""
