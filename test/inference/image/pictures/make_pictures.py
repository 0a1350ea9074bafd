"""Start pictures that a person may send and a decoder may trip over. Usage: python make_pictures.py (Pillow 12)."""

from pathlib import Path

from PIL import Image

here = Path(__file__).parent
turned = Image.new("RGB", (32, 16), (0, 0, 255))
turned.paste((255, 0, 0), (0, 0, 16, 16))
exif = Image.Exif()
exif[0x0112] = 6
turned.save(here / "turned.jpg", exif=exif, quality=95)
Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(here / "cmyk.jpg", quality=95)
frames = [Image.new("RGB", (24, 24), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
frames[0].save(here / "animated.gif", save_all=True, append_images=frames[1:], duration=100, loop=0)
Image.new("RGBA", (24, 24), (255, 0, 0, 0)).save(here / "transparent.png")
