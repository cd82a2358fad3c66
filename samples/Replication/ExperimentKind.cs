namespace ReplicationSample;

/// <summary>What is done with an experiment file.</summary>
internal enum ExperimentKind
{
    /// <summary>γ of update directions along one training run.</summary>
    E1,

    /// <summary>Training with each optimizer.</summary>
    E2,

    /// <summary>γ against damping.</summary>
    E3,

    /// <summary>A network from scratch with each optimizer.</summary>
    Mlp,

    /// <summary>A network from scratch, pruned in several ways.</summary>
    Pruning,

    /// <summary>Fine-tuning at factors of each optimizer's default learning rate.</summary>
    Rates,
}
