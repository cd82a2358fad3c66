namespace Microsoft.ML.NaturalGradient;

/// <summary>Random changes of training pictures, so that a model learns what does not matter; never applied in scoring or validation.</summary>
/// <remarks>
/// Each picture is changed anew in every epoch: a random part is cut out and resized, mirrored, and its brightness, contrast and
/// saturation are changed, in this order. What happens to a picture depends on the seed, its row and the epoch only.
/// The cut-out part is that of Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6.
/// </remarks>
public sealed record ImageAugmentation
{
    /// <summary>The smallest part of a picture's area that is cut out; 1 turns random parts off and keeps the centre, as in scoring.</summary>
    /// <value>Greater than 0, up to 1. The default is 0.5; 0.08 is usual for training without a pretrained model.</value>
    public double SmallestArea { get; init; } = 0.5;

    /// <summary>The largest quotient of the sides of the part that is cut out, in either direction.</summary>
    /// <value>From 1 (squares) to 10. The default is 4/3. Not used if <see cref="SmallestArea"/> is 1.</value>
    public double LargestAspectRatio { get; init; } = 4.0 / 3;

    /// <summary>How often a picture is mirrored, left for right. Use 0 where sides matter, as in text and digits.</summary>
    /// <value>A probability, from 0 to 1. The default is 0.5.</value>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>How far the brightness changes: it is multiplied by a number between 1 − b and 1 + b.</summary>
    /// <value>From 0 (off) to 1. The default is 0.2.</value>
    public double Brightness { get; init; } = 0.2;

    /// <summary>How far the contrast changes: differences from the mean grey are multiplied by a number between 1 − c and 1 + c.</summary>
    /// <value>From 0 (off) to 1. The default is 0.2.</value>
    public double Contrast { get; init; } = 0.2;

    /// <summary>How far the saturation changes: differences from each pixel's grey are multiplied by a number between 1 − s and 1 + s.</summary>
    /// <value>From 0 (off) to 1. The default is 0.2.</value>
    public double Saturation { get; init; } = 0.2;

    /// <summary>Whether random parts are cut out.</summary>
    internal bool IsCropped => SmallestArea < 1;

    /// <summary>Throws when a setting is outside its legal range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    internal void Validate()
    {
        SettingCheck.Require(SmallestArea is > 0 and <= 1, nameof(SmallestArea), SmallestArea, "Use a number greater than 0, up to 1.");
        SettingCheck.Require(LargestAspectRatio is >= 1 and <= 10, nameof(LargestAspectRatio), LargestAspectRatio, "Use a number from 1 to 10.");
        CheckFraction(FlipProbability, nameof(FlipProbability));
        CheckFraction(Brightness, nameof(Brightness));
        CheckFraction(Contrast, nameof(Contrast));
        CheckFraction(Saturation, nameof(Saturation));
    }

    private static void CheckFraction(double value, string name) => SettingCheck.Require(value is >= 0 and <= 1, name, value, "Use a number from 0 to 1.");
}
