using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML;

/// <summary>How a folder of pictures is read.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>What happens to pictures that cannot be read.</summary>
    /// <value>They are skipped by default, and listed in <see cref="ImageFolder.Unreadable"/>.</value>
    public UnreadableImages Unreadable { get; init; } = UnreadableImages.Skip;

    /// <summary>Whether every picture is decoded, which also finds those that are cut off or damaged behind their header.</summary>
    /// <value>By default only headers are checked, which is many times faster; training reports the others.</value>
    public bool DecodePictures { get; init; }

    /// <summary>Most pixels (width times height) of a picture; larger ones count as unreadable and are never decoded.</summary>
    /// <value>From 1 to 500,000,000. The default is 100,000,000.</value>
    public long MaxPixels { get; init; } = ImageDecoder.DefaultMaxPixels;

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal void Validate()
    {
        SettingCheck.Require(
            MaxPixels is >= 1 and <= ImageDecoder.HighestMaxPixels, nameof(MaxPixels), MaxPixels, $"Use a number from 1 to {ImageDecoder.HighestMaxPixels}.");
        SettingCheck.Require(Enum.IsDefined(Unreadable), nameof(Unreadable), Unreadable, "Use Skip or Stop.");
    }
}
