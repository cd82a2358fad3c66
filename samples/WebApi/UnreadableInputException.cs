namespace WebApiSample;

/// <summary>The model cannot read what was sent: status 400.</summary>
internal sealed class UnreadableInputException() : Exception("This is no picture that can be read. Send a PNG, JPEG, WebP, BMP or GIF file of at most 100 megapixels.");
