"""What this machine has and what lies on it: the page /system/, and the checks of `doctor`."""
