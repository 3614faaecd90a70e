"""What GAN variants share."""
