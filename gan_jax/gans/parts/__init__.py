"""The code that GAN variants share."""
