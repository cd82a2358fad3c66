using Microsoft.ML.NaturalGradient.Checkpoints.Hub;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

[TestClass]
public sealed class HubSettingsTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hub-settings").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void FromEnvironment_Nothing_IsPythonsDefault()
    {
        var settings = Read(("HOME", "/home/a"), ("USERPROFILE", "/home/a"));

        Assert.AreEqual("https://huggingface.co/", settings.Endpoint.ToString());
        Assert.AreEqual(Path.GetFullPath("/home/a/.cache/huggingface/hub"), settings.CacheFolder);
        Assert.AreEqual(Path.GetFullPath("/home/a/.cache/huggingface/token"), settings.TokenFile);
        Assert.IsNull(settings.Token);
        Assert.IsFalse(settings.Offline);
        Assert.AreSame(HttpClient.DefaultProxy, settings.Proxy);
        Assert.AreSame(TimeProvider.System, settings.Time);
    }

    [TestMethod]
    [DataRow("XDG_CACHE_HOME=/x", "/x/huggingface/hub", "/x/huggingface/token")]
    [DataRow("XDG_CACHE_HOME=/x;HF_HOME=/h", "/h/hub", "/h/token")]
    [DataRow("HF_HOME=~/h", "/home/a/h/hub", "/home/a/h/token")]
    [DataRow("HF_HOME=/h;HF_HUB_CACHE=/c", "/c", "/h/token")]
    [DataRow("HF_HUB_CACHE=~/c", "/home/a/c", "/home/a/.cache/huggingface/token")]
    [DataRow("HUGGINGFACE_HUB_CACHE=/old", "/old", "/home/a/.cache/huggingface/token")]
    [DataRow("HUGGINGFACE_HUB_CACHE=/old;HF_HUB_CACHE=/c", "/c", "/home/a/.cache/huggingface/token")]
    [DataRow("HF_TOKEN_PATH=/secrets/t;HF_HOME= ", "/home/a/.cache/huggingface/hub", "/secrets/t")]
    public void FromEnvironment_Places_AreTakenInPythonsOrder(string variables, string cache, string tokenFile)
    {
        var settings = Read([
            ("HOME", "/home/a"), ("USERPROFILE", "/home/a"), .. variables.Split(';').Select(text => text.Split('=')).Select(pair => (pair[0], pair[1]))]);

        Assert.AreEqual(Path.GetFullPath(cache), settings.CacheFolder);
        Assert.AreEqual(Path.GetFullPath(tokenFile), settings.TokenFile);
    }

    [TestMethod]
    [DataRow("1", true)]
    [DataRow("on", true)]
    [DataRow("YES", true)]
    [DataRow("True", true)]
    [DataRow("0", false)]
    [DataRow("off", false)]
    [DataRow("", false)]
    public void FromEnvironment_Offline_HasPythonsValues(string value, bool expected)
    {
        Assert.AreEqual(expected, Read(("HF_HOME", _folder), ("HF_HUB_OFFLINE", value)).Offline);
        Assert.AreEqual(expected, Read(("HF_HOME", _folder), ("TRANSFORMERS_OFFLINE", value)).Offline);
    }

    [TestMethod]
    public void FromEnvironment_Token_VariableComesBeforeFile()
    {
        File.WriteAllText(Path.Combine(_folder, "token"), "hf_file\r\n");

        Assert.AreEqual("hf_file", Read(("HF_HOME", _folder)).Token);
        Assert.AreEqual("hf_variable", Read(("HF_HOME", _folder), ("HF_TOKEN", " hf_variable\n")).Token);
        Assert.AreEqual("hf_file", Read(("HF_HOME", "/elsewhere"), ("HF_TOKEN_PATH", Path.Combine(_folder, "token"))).Token);
    }

    [TestMethod]
    public void FromEnvironment_TokenOfTwoLines_IsRefusedWithoutShowingIt()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Read(("HF_HOME", _folder), ("HF_TOKEN", "hf_secret\nX-Header: 1")));

        StringAssert.Contains(error.Message, "The token in HF_TOKEN");
        Assert.IsFalse(error.Message.Contains("secret", StringComparison.Ordinal));
    }

    [TestMethod]
    public void FromEnvironment_Endpoint_LosesItsSlash()
    {
        var settings = Read(("HF_HOME", _folder), ("HF_ENDPOINT", "https://mirror.example/hf/"));

        Assert.AreEqual("https://mirror.example/hf", settings.Endpoint.ToString());
        Assert.IsTrue(settings.IsOwn(new Uri("https://mirror.example/other")));
        Assert.IsFalse(settings.IsOwn(new Uri("http://mirror.example/hf")));
        Assert.IsFalse(settings.IsOwn(new Uri("https://mirror.example:444/hf")));
        Assert.IsFalse(settings.IsOwn(new Uri("https://mirror.example.evil/hf")));
    }

    [TestMethod]
    [DataRow("mirror.example")]
    [DataRow("ftp://mirror.example")]
    [DataRow("https://user:password@mirror.example")]
    [DataRow("https://mirror.example/?a=b")]
    public void FromEnvironment_BadEndpoint_NamesTheVariable(string endpoint)
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Read(("HF_HOME", _folder), ("HF_ENDPOINT", endpoint)));

        StringAssert.StartsWith(error.Message, $"The environment variable HF_ENDPOINT is '{endpoint}'.");
    }

    private static HubSettings Read(params (string Name, string Value)[] variables)
    {
        var byName = variables.ToDictionary(variable => variable.Name, variable => variable.Value);
        return HubSettings.FromEnvironment(name => byName.GetValueOrDefault(name));
    }
}
