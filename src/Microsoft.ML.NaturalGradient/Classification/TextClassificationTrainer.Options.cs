namespace Microsoft.ML.NaturalGradient;

public sealed partial class TextClassificationTrainer
{
    /// <summary>Settings of a <see cref="TextClassificationTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is a key, as <c>MapValueToKey</c> makes it.</remarks>
    public sealed class Options : TextTrainerOptions
    {
        /// <summary>Output column with the most probable class. The default is "PredictedLabel".</summary>
        public string PredictionColumnName { get; set; } = "PredictedLabel";

        internal Options Clone() => (Options)MemberwiseClone();

        internal override void Validate()
        {
            base.Validate();
            ArgumentException.ThrowIfNullOrEmpty(PredictionColumnName);
        }
    }
}
