namespace PackageChecks;

/// <summary>What a package holds.</summary>
internal enum PackageContent
{
    /// <summary>An assembly with code.</summary>
    Code,

    /// <summary>An assembly with an embedded model, and the licence of that.</summary>
    Data,

    /// <summary>Nothing but references to other packages.</summary>
    References,
}
