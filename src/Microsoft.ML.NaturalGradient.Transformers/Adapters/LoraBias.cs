namespace Microsoft.ML.NaturalGradient;

/// <summary>Which pretrained biases LoRA trains along.</summary>
public enum LoraBias
{
    /// <summary>None.</summary>
    None,

    /// <summary>All biases of the encoder.</summary>
    All,

    /// <summary>Those of the layers that have an addition.</summary>
    LoraOnly,
}
