"""What exists: frozen values. Prices and sizes are Decimal, times are int Unix ms. Nothing here waits, draws or asks the clock."""
