"""The operations of the Pax8 API by area, as parts that `Pax8Client` is made of."""
