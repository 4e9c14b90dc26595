"""Search strategies run offline over tables of measurements: how soon is the best found?"""
