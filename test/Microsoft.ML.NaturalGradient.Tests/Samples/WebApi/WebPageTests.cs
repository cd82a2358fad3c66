using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;
using Driver = Microsoft.Playwright.Playwright;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.WebApi;

/// <summary>The page in a browser without a window. Needs an installed Chromium or Chrome; nothing is downloaded.</summary>
[TestClass]
public sealed class WebPageTests
{
    private static readonly string[] Browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    [TestMethod]
    public async Task Page_SentenceAndPicture_ShowTheirClasses()
    {
        var browserPath = Environment.GetEnvironmentVariable("CHROMIUM") ?? Browsers.FirstOrDefault(File.Exists);
        if (browserPath is null)
        {
            Assert.Inconclusive("There is no browser to test the page of samples/WebApi in: install the package chromium, or name a browser in the variable CHROMIUM.");
        }

        await using var service = await WebServiceFactory.StartAsync();
        using var playwright = await Driver.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = browserPath,
            Args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
        var page = await browser.NewPageAsync(new() { ViewportSize = new() { Width = 760, Height = 860 } });
        List<string> problems = [];
        page.PageError += (_, error) => problems.Add(error);
        await page.GotoAsync(service.ClientOptions.BaseAddress.ToString());

        await page.FillAsync("#text", "What a lovely film, I would watch it again tomorrow.");
        await Expect(page.Locator("#text-classes .row")).ToHaveCountAsync(2);
        await Expect(page.Locator("#text-classes")).ToContainTextAsync("positive");
        await DropAsync(page, "shoe.png", "image/png", await File.ReadAllBytesAsync(ServedModels.PictureFiles[0]));
        await Expect(page.Locator("#picture-classes .row")).ToHaveCountAsync(10);
        await Expect(page.Locator("#preview")).ToBeVisibleAsync();
        if (Environment.GetEnvironmentVariable("WEB_SCREENSHOT") is { } screenshot)
        {
            await page.ScreenshotAsync(new() { Path = screenshot });
        }

        await DropAsync(page, "notes.png", "image/png", "no picture"u8.ToArray());
        await Expect(page.Locator("#picture-classes .error")).ToContainTextAsync("no picture that can be read");
        await page.SetInputFilesAsync("#picture", ServedModels.PictureFiles[1]);
        await Expect(page.Locator("#picture-classes .row")).ToHaveCountAsync(10);
        await page.FillAsync("#text", "   ");
        await Expect(page.Locator("#text-classes .row")).ToHaveCountAsync(0);

        Assert.IsEmpty(problems);
    }

    private static async Task DropAsync(IPage page, string name, string type, byte[] bytes)
    {
        var data = await page.EvaluateHandleAsync(
            """
            ([name, type, base64]) => {
              const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0)), data = new DataTransfer();
              data.items.add(new File([bytes], name, { type }));
              return data;
            }
            """,
            new[] { name, type, Convert.ToBase64String(bytes) });
        await page.DispatchEventAsync("#drop", "drop", new { dataTransfer = data });
    }
}
